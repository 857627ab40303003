berth_unit_test(base base)
berth_unit_test(utf8 base)
berth_unit_test(public_text base)
berth_fuzz_target(public_text base)
