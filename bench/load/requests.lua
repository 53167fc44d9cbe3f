-- For wrk: `wrk … -s requests.lua URL -- KIND ITEMS`, KIND being move, create or history.
local stages = {"Backlog", "Analysis", "Development", "Testing", "Deployment", "Production"}
local json = {["Content-Type"] = "application/json"}
local items = "/api/v1/work-items"
local kind, count

function init(args)
  kind, count = args[1], tonumber(args[2])
  math.randomseed(os.time())
end

function request()
  if kind == "create" then
    return wrk.format("POST", items, json, '{"title":"Pay by invoice","type":"feature"}')
  end
  local item = items .. "/" .. math.random(1, count)
  if kind == "history" then
    return wrk.format("GET", item .. "/history")
  end
  local body = '{"to_stage":"' .. stages[math.random(6)] .. '"}'
  return wrk.format("PUT", item .. "/transition", json, body)
end

function done(summary, latency)
  io.write(string.format("RESULT %d %d %d %f %f %d\n", summary.requests, summary.duration,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write
      + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99), latency.max))
end
