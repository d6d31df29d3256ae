"""A bounded cache of text vectors on disk, shared by processes. Losing it costs only time."""

import logging
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from filelock import FileLock, Timeout

Vectors = npt.NDArray[np.float32]

MOST_VECTORS = 100_000  # about 170 MB at 384 numbers each
_KEYS_PER_QUERY = 500
_TIMEOUT_S = 2.0

Answer = TypeVar("Answer")

log = logging.getLogger(__name__)


class VectorCache:
    """Vectors by content hash, in one SQLite file.

    A cache that cannot be used (locked, read-only, full disk) is logged, remembered in
    `problem` and passed over; a damaged file is deleted and begun again.
    """

    def __init__(self, path: Path, dim: int, most: int = MOST_VECTORS) -> None:
        self.path = path
        self.dim = dim
        self.most = most
        self.problem = ""
        self._ready = False

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Vectors]:
        """The vectors that are known: key -> `(dim,)` float32."""

        def look_up(db: sqlite3.Connection) -> dict[bytes, Vectors]:
            found: dict[bytes, Vectors] = {}
            for start in range(0, len(keys), _KEYS_PER_QUERY):
                some = keys[start : start + _KEYS_PER_QUERY]
                marks = ",".join("?" * len(some))
                rows = db.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", some)
                for key, blob in rows:
                    vector = np.frombuffer(blob, dtype="<f4")
                    if vector.shape == (self.dim,):
                        found[key] = vector
            return found

        return self._ask(look_up) or {}

    def put(self, vectors: Mapping[bytes, Vectors]) -> None:
        """Keeps vectors, and drops the oldest tenth when there are more than `most`."""
        rows = [(k, v.astype("<f4").tobytes(), time.time()) for k, v in vectors.items()]

        def keep(db: sqlite3.Connection) -> None:
            db.execute("BEGIN IMMEDIATE")
            db.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)
            (count,) = db.execute("SELECT count(*) FROM vectors").fetchone()
            if count > self.most:
                db.execute(
                    "DELETE FROM vectors WHERE key IN "
                    "(SELECT key FROM vectors ORDER BY added LIMIT ?)",
                    (count - self.most + self.most // 10,),
                )
            db.execute("COMMIT")

        if rows:
            self._ask(keep)

    def _ask(self, question: Callable[[sqlite3.Connection], Answer]) -> Answer | None:
        """The answer of the database, or None where it has a problem."""
        try:
            with closing(self._connect()) as db:
                return question(db)
        except sqlite3.OperationalError as error:  # locked, read-only, full
            self._pass_over(error)
        except sqlite3.DatabaseError as error:  # not a database, or damaged
            self._pass_over(error)
            for suffix in ("", "-wal", "-shm"):
                Path(f"{self.path}{suffix}").unlink(missing_ok=True)
        return None

    def _connect(self) -> sqlite3.Connection:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self._ready:
                return self._opened()
            with FileLock(f"{self.path}.lock", timeout=_TIMEOUT_S):
                return self._set_up()
        except (OSError, Timeout) as error:
            raise sqlite3.OperationalError(str(error)) from error

    def _opened(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, timeout=_TIMEOUT_S, isolation_level=None)
        db.execute("PRAGMA synchronous=NORMAL")
        return db

    def _set_up(self) -> sqlite3.Connection:
        """Creates the table. One process at a time: the change to WAL does not wait for locks."""
        db = self._opened()
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute(
                "CREATE TABLE IF NOT EXISTS vectors "
                "(key BLOB PRIMARY KEY, vector BLOB NOT NULL, added REAL NOT NULL) WITHOUT ROWID"
            )
            db.execute("CREATE INDEX IF NOT EXISTS vectors_added ON vectors (added)")
        except sqlite3.Error:
            db.close()
            raise
        self._ready = True
        return db

    def _pass_over(self, error: sqlite3.Error) -> None:
        self._ready = False
        self.problem = f"The cache {self.path} cannot be used ({error}); texts are encoded anew."
        log.warning(self.problem)
