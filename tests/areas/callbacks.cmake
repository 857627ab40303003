berth_unit_test(callback_address calls)
berth_fuzz_target(callback_url calls)
