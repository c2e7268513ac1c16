module pgvouch/bench/callers

go 1.19
