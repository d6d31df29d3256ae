"""All tables together, for migrations: importing a module of tables makes `Base` know them."""

from db import annotation_models, models
from db.base import Base

MODULES = (models, annotation_models)
METADATA = Base.metadata
