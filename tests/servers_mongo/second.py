"""What the second implementation (tools/secantus.py) does not have, or does otherwise than mongod: the tests that are
left out with it, each with what it is about. "*" is all of a file. The rest of them it has to pass."""

NO_SERVER = "no server takes part: once is enough"
ONE_MEMBER = "it is a set of one"
NO_TIME = "its resume tokens tell no time, so the lag is not known"
NO_COPY = "its find takes no collectionUUID, and the copy is refused: test_second_implementation.py"
LOOKED_UP = "as a post-image it gives the document as it is when the event is read: test_second_implementation.py"
NO_WINDOW = "its serverStatus tells nothing of the oplog"
NO_SETTING = "it has no such setting"
ESCAPES = "it does not know users whose names SCRAM has to escape (, and =)"

LACKS: dict[tuple[str, str], str] = {
    ("test_auth", "test_scram[old,=-{}]"): ESCAPES,
    ("test_check", "test_ready"): NO_WINDOW,
    ("test_check", "test_a_right_that_is_missing[serverStatus-OPLOG-unknown-options3-shop]"): NO_WINDOW,
    ("test_check", "test_a_right_that_is_missing[serverStatus-OPLOG-unknown-options3-all]"): NO_WINDOW,
    ("test_check", "test_nobody_logged_in"): "its connectionStatus wants a login",
    ("test_check", "test_image_expiry"): NO_SETTING,
    ("test_check", "test_standalone"): "it is a set as soon as it starts",
    ("test_check", "test_a_server_that_is_too_old"): "of another version of mongod",
    ("test_check", "test_feature_compatibility_version"): NO_SETTING,
    ("test_check", "test_a_set_that_loses_members"): ONE_MEMBER,
    ("test_check", "test_an_oplog_that_is_short"): NO_WINDOW,
    ("test_conversations", "*"): NO_SERVER,
    ("test_decode", "*"): NO_SERVER,
    ("test_post_images", "test_read_only_has_each_state"): LOOKED_UP,
    ("test_post_images", "test_missing_image_names_its_document_and_the_way_on"): LOOKED_UP,
    ("test_post_images", "test_expired_image_is_refused_by_name"): NO_SETTING,
    ("test_post_images", "test_auto_configure_turns_them_on_also_for_new_and_renamed_ones"): LOOKED_UP,
    ("test_post_images", "test_updates_before_a_new_collections_images_are_marked_and_so_they_are_again"): LOOKED_UP,
    ("test_post_images", "test_under_writes_every_new_collection_gets_them"): LOOKED_UP,
    ("test_post_images", "test_lacking_privilege_names_collection_and_grant"): NO_COPY,
    ("test_resume", "test_killed_cursor_is_no_end"): "its $currentOp tells nothing of cursors",
    ("test_resume", "test_step_downs_and_kills_of_a_set_of_three"): ONE_MEMBER,
    ("test_resume", "test_a_step_down_moves_the_stream_to_the_new_primary"): ONE_MEMBER,
    ("test_resume", "test_secondary_is_read_from_when_it_is_asked_for"): ONE_MEMBER,
    ("test_selection", "*"): ONE_MEMBER,
    ("test_setup", "test_odd_names[\\xfc,=@:/]"): ESCAPES,
    ("test_setup", "test_a_secondary"): ONE_MEMBER,
    ("test_snapshot", "*"): NO_COPY,
    ("test_split", "test_large_events_are_whole_and_the_position_is_never_between_fragments"): LOOKED_UP,
    ("test_status", "test_of_a_running_stream_and_one_that_is_down"): NO_TIME,
    ("test_status", "test_a_copy_that_is_not_complete"): NO_COPY,
    ("test_status", "test_a_reader_without_more_rights"): NO_TIME,
    ("test_status", "test_lost_history"): NO_TIME,
    ("test_stream", "test_each_operation_as_the_driver_sees_it"): LOOKED_UP,
    ("test_stream", "test_post_images_are_each_their_own_state"): LOOKED_UP,
    ("test_trace", "test_snapshot_and_check"): NO_COPY,
}

# Checks whose answer it does not give to everybody.
UNKNOWN = {"OPLOG"}
