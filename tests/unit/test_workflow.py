"""The workflow that builds the installers names only what there is, and signs only where there are secrets."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.data import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
VALUE = yaml.safe_load((ROOT / ".github" / "workflows" / "installers.yml").read_text(encoding="utf-8"))
JOBS: dict[str, dict[str, Any]] = VALUE["jobs"]
MADE = {"packaging/windows/associations.iss", "packaging/windows/volumask.ico"}
"""Files that a step writes before another reads them."""


def steps(job: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Name of the job and step, of all jobs or of one."""
    for name, value in JOBS.items():
        if job in ("", name):
            yield from ((name, step) for step in value["steps"])


def scripts(job: str = "") -> Iterator[str]:
    yield from (step["run"] for _, step in steps(job) if "run" in step)


def test_there_is_one_workflow_and_it_runs_for_tags_and_by_hand():
    assert [path.name for path in WORKFLOWS] == ["installers.yml"]
    assert set(VALUE[True]) == {"push", "workflow_dispatch"}  # YAML reads the key "on" as true
    assert VALUE[True]["push"] == {"tags": ["v*"]}


def test_every_flavour_is_built_on_its_own_system():
    assert JOBS["linux"]["strategy"]["matrix"]["flavour"] == ["cpu", "cuda"]
    assert '["cpu", "cuda"]' in JOBS["windows"]["strategy"]["matrix"]["flavour"]
    systems = {name: JOBS[name]["runs-on"].split("-")[0] for name in ("linux", "windows", "macos")}
    assert systems == {"linux": "ubuntu", "windows": "windows", "macos": "macos"}


@pytest.mark.parametrize("job", ["linux", "windows", "macos"])
def test_each_system_tests_its_bundle_lists_its_licences_and_gives_checksums(job):
    text = "\n".join(scripts(job))
    order = [text.index(part) for part in ("dev.py bundle", "self-test", "packaging/licences", "256")]
    assert order[:3] == sorted(order[:3])
    uploaded = next(step["with"]["path"] for _, step in steps(job) if "upload-artifact" in step.get("uses", ""))
    assert "dist/*.sha256" in uploaded
    assert "sbom.cdx.json" in uploaded
    assert "SOURCE_DATE_EPOCH" in text


@pytest.mark.parametrize("job", ["windows", "macos"])
def test_what_was_installed_is_tested_too(job):
    assert "\n".join(scripts(job)).count("self-test") >= 2


def test_jobs_wait_for_jobs_that_there_are_and_none_is_without_the_tests():
    for name, job in JOBS.items():
        needs = job.get("needs", [])
        assert set([needs] if isinstance(needs, str) else needs) <= set(JOBS)
        assert name == "tests" or needs
    assert any(".ci/run" in script for script in scripts("tests"))


def test_every_path_of_the_repository_that_a_step_names_is_there():
    named: set[str] = set()
    for script in scripts():
        named |= set(re.findall(r"(?<![\w/.])((?:packaging|\.ci|resources|requirements)/[\w./-]*\w)", script))
    assert len(named) > 5
    missing = {path for path in named - MADE if not (ROOT / path).exists()}
    assert missing == {"resources/releases.txt"}  # written by the step that names it


def test_every_verb_of_dev_py_that_a_step_uses_is_there():
    verbs = {tuple(found.split()) for script in scripts() for found in re.findall(r"dev\.py ([a-z-]+)", script)}
    assert {verb for (verb,) in verbs} == {"bundle", "installer"}
    for (verb,) in verbs:
        told = subprocess.run([sys.executable, "dev.py", verb, "--help"], cwd=ROOT, capture_output=True, text=True)
        assert told.returncode == 0, told.stderr
        assert "--cuda" in told.stdout


def test_the_self_test_is_a_command():
    from app import cli

    assert "self-test" in cli.COMMANDS


def test_shell_scripts_are_right_as_texts():
    for job, step in steps():
        if "run" in step and JOBS[job].get("defaults", {}).get("run", {}).get("shell") != "pwsh":
            text = re.sub(r"\$\{\{.*?\}\}", "x", step["run"])
            checked = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)
            assert checked.returncode == 0, (step["run"], checked.stderr)


def test_secrets_are_used_only_behind_a_condition_and_never_in_a_script():
    assert not any("secrets." in script for script in scripts())
    guarded = [step for _, step in steps() if "env.CERTIFICATE != ''" in str(step.get("if", ""))]
    assert len(guarded) == 3
    signing = [step for _, step in steps() if re.search(r"signtool|security import", step.get("run", ""))]
    assert signing == guarded


def test_no_job_may_write_but_the_one_that_drafts_a_release():
    assert VALUE["permissions"] == {"contents": "read"}
    assert [name for name, job in JOBS.items() if "permissions" in job] == ["release"]
    assert "--draft" in "\n".join(scripts("release"))
    assert "size +2000000000c" in "\n".join(scripts("release"))


def test_actions_are_of_a_named_version():
    used = {step["uses"] for _, step in steps() if "uses" in step}
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", action) for action in used)
