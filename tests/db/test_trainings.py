"""Learning curves in the store."""

from db.session import Store
from db.trainings import save_training, trainings_of

CURVES = [{"step": 1, "tokens": 40, "seconds": 1.5, "total": 2.0}, {"step": 2, "tokens": 90,
          "seconds": 3.0, "total": 1.0}]  # fmt: skip


def test_a_training_is_kept_and_replaced_by_a_later_one(store: Store) -> None:
    with store.write() as session:
        save_training(session, system="s", stage="traces", plan={"rank": 4}, curves=CURVES[:1])
        save_training(session, system="s", stage="decisions", plan={}, curves=CURVES)
        save_training(session, system="other", stage="traces", plan={}, curves=[])
    with store.write() as session:
        save_training(session, system="s", stage="traces", plan={"rank": 8}, curves=CURVES)
    with store.read() as session:
        found = trainings_of(session, ["s"])
    assert {(one.stage, one.steps, one.tokens, one.seconds) for one in found} == {
        ("decisions", 2, 90, 3.0), ("traces", 2, 90, 3.0),
    }  # fmt: skip
    assert next(one for one in found if one.stage == "traces").plan == {"rank": 8}
    assert found[0].curves == CURVES
