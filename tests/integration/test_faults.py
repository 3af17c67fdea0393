"""The fault harness in the suite: one round of each kind.  tests/faults runs
it for longer and with other seeds."""

from pathlib import Path

import pytest

from faults import BUSY, STEADY, Plan, Round, installation


@pytest.mark.slow
@pytest.mark.parametrize("plan", [
    pytest.param(STEADY, id="steady"), pytest.param(BUSY, id="busy")])
def test_nothing_acknowledged_is_lost(tmp_path: Path, plan: Plan) -> None:
    with installation(tmp_path) as (pool, server):
        Round(pool, server, plan, seed=1, seconds=20).run()
