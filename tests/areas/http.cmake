berth_unit_test(http_head http)
berth_unit_test(http_body http)
berth_unit_test(http_write http)
berth_unit_test(http_requests http)
