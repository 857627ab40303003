# Calls by the clock.
berth_unit_test(schedule_year calls)
berth_unit_test(scheduler calls call_store_play)
