berth_unit_test(base base)
