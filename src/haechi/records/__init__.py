"""What passes between stages, as frozen dataclasses, one a module. Holds no behaviour."""
