from mailstack.base.ids import connection_id, message_id


def test_connections_of_one_process_have_its_mark():
    first, second = connection_id(), connection_id()
    assert first != second
    assert first.startswith("c")
    assert first.partition("-")[0] == second.partition("-")[0]


def test_message_ids_sort_by_time():
    ids = [message_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert [each.partition("-")[0] for each in ids] == sorted(each.partition("-")[0] for each in ids)
