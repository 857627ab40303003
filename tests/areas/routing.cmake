berth_unit_test(route_table routing)
berth_unit_test(slot_pool routing)
berth_unit_test(slot_pool_end routing)
