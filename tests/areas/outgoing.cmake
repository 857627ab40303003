berth_unit_test(outgoing outgoing)
