berth_unit_test(callback_address calls)
berth_unit_test(call_report calls)
berth_fuzz_target(callback_url calls)
