# The management API; what needs a whole fleet is in fleet.cmake.
berth_unit_test(admin_access admin)
berth_unit_test(call_json admin)
berth_unit_test(event_book admin)
berth_unit_test(image_deployment admin)
berth_unit_test(metrics_text admin)
berth_unit_test(request_counts admin)
berth_unit_test(request_note admin)
berth_unit_test(split_place admin)
berth_unit_test(statsd_lines admin)

berth_unit_test(takeover_message takeover)
berth_unit_test(takeover_channel takeover)
berth_fuzz_target(takeover_message takeover)

berth_fuzz_target(admin_access admin)
berth_fuzz_target(image_deployment admin)
berth_fuzz_target(request_note admin)
berth_fuzz_target(split_place admin)

# Parsers and pools of every folder. Not with ThreadSanitizer, which takes memory for itself behind each call of these.
if(NOT BERTH_SANITIZE STREQUAL "thread")
    berth_unit_test(out_of_memory prepare gateway store docker config PkgConfig::ARCHIVE)
    set_tests_properties(unit_out_of_memory PROPERTIES COST 30)
endif()
