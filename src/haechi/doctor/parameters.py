"""params.yaml, section by section, with the same checks that the stages make."""

from pathlib import Path

from haechi.doctor.finding import Finding
from haechi.runtime.check_params import problems
from haechi.runtime.errors import ParamsError
from haechi.runtime.params import read


def check_parameters(file: Path) -> list[Finding]:
    """A finding for each fault at which a stage would stop; one good one if there is none."""
    try:
        count, said = len(read(file)), problems(file)
    except ParamsError as error:
        return [Finding("parameters", "fail", str(error), "restore it: `git checkout params.yaml`")]
    bad = [Finding("parameters", "fail", sentence, "docs/parameters.md explains every key") for sentence in said]
    return bad or [Finding("parameters", "ok", f"{count} sections, every value of its type and in range")]
