"""What runs on the controller: playbooks, verdicts, benchmarks, the report and the test stages."""
