# What is kept on disk: records of requests, what functions write, calls that are done later.
berth_unit_test(log_store store)
berth_unit_test(record_file store)

berth_fuzz_target(call_file_name store)
berth_fuzz_target(call_store store)
berth_fuzz_target(log_line store)
berth_fuzz_target(log_segments store)
berth_fuzz_target(record_file store)

add_library(call_store_play STATIC ${CMAKE_SOURCE_DIR}/tests/unit/call_store_play.c)
target_link_libraries(call_store_play PUBLIC store PkgConfig::CMOCKA)
target_include_directories(call_store_play PUBLIC ${CMAKE_SOURCE_DIR}/host ${CMAKE_SOURCE_DIR}/tests/unit)
berth_unit_test(call_store call_store_play)
berth_unit_test(call_list call_store_play)
berth_unit_test(call_salvage call_store_play)
berth_unit_test(schedule_store call_store_play)
berth_unit_test(call_power call_store_play)
berth_unit_test(call_crash call_store_play)
