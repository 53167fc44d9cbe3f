#!/usr/bin/env bash
# Check a running service from end to end, and stop with status 1 at the first thing that is wrong.
#
#   VSM_URL=http://127.0.0.1:8000 ./validate.sh
#
# It makes one work item, moves it, reads every view of it back, and cancels it at the end, also when
# a check fails: it may be run as often as one likes. It needs bash and curl.
set -euo pipefail

url=${VSM_URL:-http://127.0.0.1:8000}
url=${url%/}
timeout=${VSM_TIMEOUT:-15}
api=/api/v1
item=''
left='' # the ids of what has to be cleaned up
checks=0
status='' content_type='' body=''

# ---------------------------------------------------------------- telling and asking

passed() {
    checks=$((checks + 1))
    echo "ok    $1"
}

failed() { # what, expected, got
    echo "FAIL  $1" >&2
    echo "      expected: $2" >&2
    echo "      got:      $(printf '%s' "$3" | head -c 600)" >&2
    exit 1
}

expect() { # what, expected, got
    [ "$2" = "$3" ] || failed "$1" "$2" "$3 — in the answer $status: $body"
}

expect_like() { # what, extended regular expression, got
    [[ $3 =~ ^($2)$ ]] || failed "$1" "something like $2" "$3 — in the answer $status: $body"
}

expect_at_least() { # what, number, got
    case $3 in
        '' | *[!0-9]*) failed "$1" "a whole number of at least $2" "${3:-nothing} — in the answer $status: $body" ;;
        *) [ "$3" -ge "$2" ] || failed "$1" "at least $2" "$3" ;;
    esac
}

call() { # method, path, [body], [further options of curl]: sets status, content_type and body
    local method=$1 path=$2 data=${3:-} answer line
    shift $(($# < 3 ? $# : 3))
    if [ -n "$data" ]; then
        set -- --header 'Content-Type: application/json' --data "$data" "$@"
    fi
    if ! answer=$(curl --silent --show-error --max-time "$timeout" --request "$method" \
        --write-out '\n%{http_code} %{content_type}' "$@" "$url$path" 2>&1); then
        failed "$method $path" "an answer within $timeout s" "$answer"
    fi
    line=${answer##*$'\n'}
    body=${answer%$'\n'*}
    status=${line%% *}
    content_type=${line#* }
}

ask() { # status, method, path, [body], [options]: call, and insist on the status
    local wanted=$1
    shift
    call "$@"
    [ "$status" = "$wanted" ] || failed "$1 $2" "status $wanted" "status $status: $body"
}

refuse() { # status, method, path, body: a refusal is a problem of RFC 9457 that tells its type
    ask "$@"
    expect_like "$2 $3 answers a problem" 'application/problem\+json.*' "$content_type"
    expect_like "the problem's type" '/problems/.+' "$(field type "$body")"
    expect "the problem's status" "$1" "$(field status "$body")"
}

# ---------------------------------------------------------------- reading answers

field() { # name, json: the first value under this name, without its quotes
    local pattern="\"$1\"[[:space:]]*:[[:space:]]*(\"([^\"]*)\"|[^],}[:space:]]+)"
    if [[ $2 =~ $pattern ]]; then
        case ${BASH_REMATCH[1]} in
            \"*) printf '%s' "${BASH_REMATCH[2]}" ;;
            *) printf '%s' "${BASH_REMATCH[1]}" ;;
        esac
    fi
}

fields() { # name, json: every value under this name, one a line
    local rest=$2 found
    while found=$(field "$1" "$rest") && [ -n "$found" ]; do
        printf '%s\n' "$found"
        rest=${rest#*\""$1"\"}
    done
}

series() { # name, label="value" …: the sum of these series in the last answer
    local found line total=''
    found=$(grep "^$1[{ ]" <<<"$body") || true
    shift
    for label in "$@"; do
        found=$(grep -F -e "{$label" -e ",$label" <<<"$found") || true
    done
    while read -r line; do
        line=${line##* }
        case ${line%.0} in
            '' | *[!0-9]*) ;;
            *) total=$((${total:-0} + ${line%.0})) ;;
        esac
    done <<<"$found"
    printf '%s' "$total"
}

clean_up() {
    local id code
    for id in $left; do
        code=$(curl --silent --max-time "$timeout" --output /dev/null --write-out '%{http_code}' \
            --header 'Content-Type: application/json' --data '{"reason": "made by validate.sh"}' \
            "$url$api/work-items/$id/cancel") || true
        if [ "$code" != 200 ] && [ "$code" != 409 ]; then
            echo "validate.sh: work item $id could not be cancelled (status $code)" >&2
        fi
    done
}
trap clean_up EXIT

# ---------------------------------------------------------------- the checks

alive() {
    ask 200 GET $api/health
    expect 'health: service' vsm-service "$(field service "$body")"
    expect 'health: status' UP "$(field status "$body")"
    expect 'health: database_connected' true "$(field database_connected "$body")"
    version=$(field version "$body")
    expect_like 'health: version' '[0-9]+\.[0-9]+\.[0-9]+.*' "$version"
    passed "alive, version $version, database connected"
    ask 200 GET /ready
    expect 'readiness: status' READY "$(field status "$body")"
    passed 'ready'
}

stages_in_order() {
    ask 200 GET $api/stages
    expect 'stages: the answer is an array' '[' "${body:0:1}"
    local names orders
    names=$(fields name "$body")
    orders=$(fields order "$body")
    expect_at_least 'stages: how many' 3 "$(wc -l <<<"$names" | tr -d ' ')"
    expect 'stages: in ascending order' "$(sort -n <<<"$orders")" "$orders"
    expect 'stages: each order once' "$(sort -nu <<<"$orders")" "$orders"
    first=$(sed -n 1p <<<"$names")
    second=$(sed -n 2p <<<"$names")
    third=$(sed -n 3p <<<"$names")
    passed "stages in order: $first, $second, $third …"
}

counts() { # sets created_count, entered_count, moved_count and standing_count from Prometheus
    ask 200 GET /metrics
    expect_like 'Prometheus: content type' 'text/plain.*' "$content_type"
    created_count=$(series vsm_work_items_created_total 'type="task"')
    entered_count=$(series vsm_stage_transitions_total 'from_stage=""' "to_stage=\"$first\"")
    moved_count=$(series vsm_stage_transitions_total "from_stage=\"$first\"" "to_stage=\"$second\"")
    standing_count=$(series vsm_work_in_progress "stage=\"$third\"")
}

created() {
    local wanted key
    item_title="validate.sh $(date -u +%Y-%m-%dT%H:%M:%SZ) $$"
    wanted="{\"title\": \"$item_title\", \"type\": \"task\"}"
    key="validate-$$-$RANDOM-$(date +%s)"
    ask 201 POST $api/work-items "$wanted" --header "Idempotency-Key: $key"
    item=$(field id "$body")
    expect_like 'create: id' '[0-9]+' "$item"
    left=$item
    expect 'create: title' "$item_title" "$(field title "$body")"
    expect 'create: type' task "$(field type "$body")"
    expect 'create: current_stage' "$first" "$(field current_stage "$body")"
    began=$(field created_at "$body")
    expect_like 'create: created_at' '[0-9-]{10}T[0-9:.]+Z' "$began"
    passed "item $item is created and stands in $first"
    ask 201 POST $api/work-items "$wanted" --header "Idempotency-Key: $key"
    left="$item $(field id "$body")"
    expect 'create: repeated under the same key' "$item" "$(field id "$body")"
    left=$item
    passed 'repeating the request makes no second item'
}

moved() {
    local from=$1 to=$2
    ask 200 PUT "$api/work-items/$item/transition" "{\"to_stage\": \"$to\"}"
    expect_like 'move: id' '[0-9]+' "$(field id "$body")"
    expect 'move: work_item_id' "$item" "$(field work_item_id "$body")"
    expect 'move: from_stage' "$from" "$(field from_stage "$body")"
    expect 'move: to_stage' "$to" "$(field to_stage "$body")"
    expect_like 'move: timestamp' '[0-9-]{10}T[0-9:.]+Z' "$(field timestamp "$body")"
    passed "item $item moves from $from to $to"
}

history_kept() {
    ask 200 GET "$api/work-items/$item/history"
    expect 'history: work_item_id' "$item" "$(field work_item_id "$body")"
    expect 'history: work_item_title' "$item_title" "$(field work_item_title "$body")"
    local moves=${body#*\"transitions\"} instants
    expect 'history: from_stage, oldest first' "null $first $second" "$(in_one_line from_stage "$moves")"
    expect 'history: to_stage, oldest first' "$first $second $third" "$(in_one_line to_stage "$moves")"
    instants=$(fields timestamp "$moves")
    expect 'history: timestamps ascend' "$(LC_ALL=C sort <<<"$instants")" "$instants"
    passed 'its history tells every move, oldest first'
}

in_one_line() {
    fields "$1" "$2" | tr '\n' ' ' | sed 's/ $//'
}

refusals() {
    refuse 404 PUT "$api/work-items/$item/transition" '{"to_stage": "No such stage"}'
    refuse 404 PUT $api/work-items/999999999/transition "{\"to_stage\": \"$second\"}"
    refuse 404 GET $api/work-items/999999999/history
    refuse 422 POST $api/work-items '{"title": "", "type": "task"}'
    refuse 422 POST $api/work-items '{"title": "x", "type": "no such type"}'
    refuse 422 GET "$api/metrics?days=0"
    ask 200 GET "$api/work-items/$item"
    expect 'a refused move changes nothing' "$third" "$(field current_stage "$body")"
    passed 'what cannot be right is refused with a reason, and changes nothing'
}

measured() {
    local number='-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?' instant='[0-9-]{10}T[0-9:.]+Z' each
    local deadline=$((SECONDS + timeout))
    ask 200 GET "$api/metrics?days=7"
    expect_like 'metrics: throughput' '[0-9]+' "$(field throughput "$body")"
    expect_like 'metrics: wip' "$number" "$(field wip "$body")"
    for each in avg p50 p85 p95; do
        expect_like "metrics: cycle_time_$each" "null|$number" "$(field "cycle_time_$each" "$body")"
    done
    for each in period_start period_end; do
        expect_like "metrics: $each" "$instant" "$(field "$each" "$body")"
    done
    # numbers may come from a standby, which is a moment behind
    while ask 200 GET "$api/metrics?start=$began&end=$(field period_end "$body")" \
        && [ "$(field created "$body")" = 0 ] && [ "$SECONDS" -lt "$deadline" ]; do
        sleep 0.5
        ask 200 GET "$api/metrics?days=7"
    done
    expect_at_least 'metrics since the item was created: created' 1 "$(field created "$body")"
    passed 'flow metrics of a week, and the new item is in them'
}

exposed() {
    local before_created=$created_count before_entered=$entered_count before_moved=$moved_count each
    local deadline=$((SECONDS + timeout))
    while counts && [ "${moved_count:-0}" -le "${before_moved:-0}" ] && [ "$SECONDS" -lt "$deadline" ]; do
        sleep 0.5
    done
    for each in vsm_requests_total vsm_work_items_created_total vsm_stage_transitions_total \
        vsm_cycle_time_hours_bucket vsm_cycle_time_hours_count vsm_work_in_progress; do
        grep -q "^${each}[{ ]" <<<"$body" || failed "Prometheus: $each" 'a series of this name' 'none'
    done
    expect_at_least 'Prometheus: items created' $((before_created + 1)) "$created_count"
    expect_at_least "Prometheus: moves to $first" $((before_entered + 1)) "$entered_count"
    expect_at_least "Prometheus: moves from $first to $second" $((before_moved + 1)) "$moved_count"
    expect_at_least "Prometheus: items in $third" 1 "$standing_count"
    passed 'Prometheus has every series, and counted the item and its moves'
}

described() {
    ask 200 GET / '' --header 'Accept: application/json'
    expect '/: service' vsm-service "$(field service "$body")"
    expect '/: status' running "$(field status "$body")"
    expect '/: version' "$version" "$(field version "$body")"
    ask 200 GET /openapi.json
    expect 'openapi: info.version' "$version" "$(field version "${body#*\"info\"}")"
    ask 200 GET /docs
    passed 'front door, API document and its pages agree on the version'
}

shown() {
    local asset assets
    ask 200 GET / '' --header 'Accept: text/html'
    expect_like 'dashboard: content type' 'text/html.*' "$content_type"
    assets=$(grep -Eo '<(script|link)[^>]+>' <<<"$body" | grep -Eo '(src|href)="[./][^"]+"' | cut -d'"' -f2) || true
    [ -n "$assets" ] || failed 'dashboard' 'a page with its own scripts or styles' "$body"
    for asset in $assets; do
        ask 200 GET "/${asset#*/}" '' --output /dev/null
    done
    passed 'the dashboard answers a browser, with everything it loads'
}

cancelled() {
    ask 200 POST "$api/work-items/$item/cancel" '{"reason": "made by validate.sh"}'
    expect_like 'cancel: cancelled_at' '[0-9-]{10}T[0-9:.]+Z' "$(field cancelled_at "$body")"
    left=''
    passed "item $item is cancelled: nothing is left in process"
}

echo "Checking $url"
alive
stages_in_order
counts
created
moved "$first" "$second"
moved "$second" "$third"
history_kept
refusals
measured
exposed
described
shown
cancelled
echo "All $checks checks passed."
