# What is kept on disk: records of requests, and what functions write.
berth_unit_test(log_store store)
berth_unit_test(record_file store)

berth_fuzz_target(log_line store)
berth_fuzz_target(record_file store)
