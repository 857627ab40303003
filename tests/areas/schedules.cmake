# Calls by the clock.
berth_unit_test(schedule_year calls)
