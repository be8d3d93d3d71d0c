"""Rules over a training's history, what to do, and the verdict; pure functions. Imports no torch."""
