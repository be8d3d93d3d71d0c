"""What would stop a run or spoil an experiment, each with its remedy. Changes nothing."""
