"""Who may do what. The data layer asks before every write (db/people.py); pages only hide what
would be refused."""

from dataclasses import dataclass
from enum import StrEnum

from core.errors import NotAllowedError

LOCAL = "name:"  # ids of people of a PhaseLens without sign-in begin with it


class Role(StrEnum):
    """Each may do what those before it may."""

    VIEWER = "viewer"  # reads
    ANNOTATOR = "annotator"  # judges, flags, runs
    LEAD = "lead"  # makes queues, adjudicates, exports, writes guidelines; datasets and indexes
    ADMIN = "admin"  # gives roles; models, files of the machine

    def covers(self, other: "Role") -> bool:
        order = list(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class Person:
    """`id`: of the sign-in (issuer and subject), or LOCAL with a name; `name`: what others see."""

    id: str
    name: str
    role: Role
    email: str = ""

    @property
    def local(self) -> bool:
        """Whether no sign-in stands behind the name."""
        return self.id.startswith(LOCAL)

    def require(self, role: Role) -> None:
        """Raises NotAllowedError for one who may not do what `role` may."""
        if not self.role.covers(role):
            raise NotAllowedError(
                f"This takes the role {role}; {self.name or 'you'} {'is' if self.name else 'are'} "
                f"{self.role}.",
                "Ask an admin for the role (Settings, People).",
            )


def local_person(name: str = "") -> Person:
    """Somebody at a PhaseLens without sign-in, or at its command line, who may do everything.
    People who share one tell themselves apart by their names."""
    plain = " ".join(name.split())
    return Person(LOCAL + plain.casefold(), plain, Role.ADMIN)
