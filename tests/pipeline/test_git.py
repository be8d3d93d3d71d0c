"""git in another folder: what says where the repository is stays behind, what says who commits goes along."""

from pathlib import Path

from proofs.project import git as plain_git

from haechi.pipeline.git import environment_elsewhere


def test_another_checkout_hears_nothing_of_this_one(tmp_path: Path) -> None:
    ours = {
        "GIT_DIR": "/here/.git", "GIT_INDEX_FILE": "/here/.git/index", "GIT_WORK_TREE": "/here", "DVC_ROOT": "/here",
        "DVC_EXP_NAME": "one", "PYTHONPATH": "/here/src", "GIT_AUTHOR_NAME": "Kim", "HAECHI_STORE": "/rows", "PATH": "/bin",
    }  # fmt: skip
    assert environment_elsewhere(ours) == {"GIT_AUTHOR_NAME": "Kim", "HAECHI_STORE": "/rows", "PATH": "/bin"}


def test_every_variable_by_which_git_finds_a_repository_is_left_out(tmp_path: Path) -> None:
    named = set(plain_git(tmp_path, "rev-parse", "--local-env-vars").split())
    about_places = {name for name in named if name.endswith(("DIR", "TREE", "FILE", "DIRECTORY", "DIRECTORIES", "PREFIX"))}
    about_places -= {
        "GIT_GRAFT_FILE",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_SHALLOW_FILE",
        "GIT_IMPLICIT_WORK_TREE",
    }  # no places of it
    assert "GIT_DIR" in about_places
    assert environment_elsewhere(dict.fromkeys(about_places, "x")) == {}
