# What is kept on disk: records.
berth_unit_test(record_file store)

berth_fuzz_target(record_file store)
