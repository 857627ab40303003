berth_unit_test(outgoing outgoing)
berth_unit_test(outgoing_address outgoing)
