berth_unit_test(base base)
berth_unit_test(utf8 base)
