from mailstack.queue.sweep import Sweep, remove_file


def test_one_job_removes_all_that_have_come(tmp_path):
    jobs = []
    sweep = Sweep(jobs.append)
    paths = [tmp_path / f"m{n}" for n in range(3)]
    for path in paths:
        path.write_bytes(b"x")
        sweep(str(path))
    assert len(jobs) == 1
    jobs.pop()()
    assert not any(path.exists() for path in paths)
    sweep(str(tmp_path / "gone"))
    assert len(jobs) == 1
    jobs.pop()()


def test_a_file_that_cannot_be_removed_stops_nothing(tmp_path):
    remove_file(str(tmp_path / "gone"))
