#include "admin/reach_json.h"

#include "fleet/engine/engine.h"

json_t *reach_json(const struct fleet *fleet)
{
    struct engine_reach reach;
    fleet_find_reach(fleet, &reach);
    bool holds = reach.is_limited && !reach.trouble;
    return json_pack("{s:b, s:s?, s:s?, s:s?}", "holds", holds, "by", holds ? reach.maker : NULL, "problem",
                     reach.trouble ? reach.trouble->message : NULL, "hint",
                     reach.trouble && reach.trouble->hint[0] ? reach.trouble->hint : NULL);
}
