-- Wireshark: the frames of chat over TCP and UDP (docs/protocol.md, sections 1 and 15). README.md beside it says how.

local chat = Proto("chat", "LAN chat")

chat.prefs.ports = Pref.range("Ports", "7000", "TCP and UDP ports of servers; on others frames are found by how they begin", 65535)

local LONGEST = 65507 -- 1.3
local DEEPEST = 8 -- 1.5
local BEGINNING = '{"type":"' -- 1.2: whoever writes puts it first

-- What frames have, by its name in JSON and the kind of its value.
local known = { string = {}, number = {}, boolean = {} }
local function field(kind, key, make, title, filter)
    filter = filter or key
    known[kind][key] = make("chat." .. filter, title)
    return known[kind][key]
end

local length = ProtoField.uint32("chat.length", "Length")
local fields = {
    length,
    field("string", "type", ProtoField.string, "Type"),
    field("number", "id", ProtoField.uint64, "Request"),
    field("string", "room", ProtoField.string, "Room"),
    field("number", "seq", ProtoField.uint64, "Number in the room"),
    field("string", "from", ProtoField.string, "From"),
    field("string", "to", ProtoField.string, "To"),
    field("number", "from", ProtoField.uint64, "First number", "first"),
    field("number", "to", ProtoField.uint64, "Last number", "last"),
    field("string", "text", ProtoField.string, "Text"),
    field("boolean", "bot", ProtoField.bool, "By a program"),
    field("number", "at", function(filter, title) return ProtoField.absolute_time(filter, title, base.UTC) end, "Time of day"),
    field("number", "order", ProtoField.uint64, "Place in its session"),
    field("string", "name", ProtoField.string, "Name"),
    field("number", "protocol", ProtoField.uint64, "Version of the protocol"),
    field("string", "server", ProtoField.string, "Server"),
    field("string", "client", ProtoField.string, "Client"),
    field("string", "resume", ProtoField.string, "Secret of the session"),
    field("boolean", "resumed", ProtoField.bool, "Resumed"),
    field("string", "password", ProtoField.string, "Password"),
    field("string", "link", ProtoField.string, "Token of the link (UDP)"),
    field("string", "cookie", ProtoField.string, "Cookie (UDP)"),
    field("number", "after", ProtoField.uint64, "Read up to"),
    field("number", "before", ProtoField.uint64, "Before"),
    field("number", "oldest", ProtoField.uint64, "Oldest number"),
    field("number", "head", ProtoField.uint64, "Newest number"),
    field("string", "epoch", ProtoField.string, "Epoch"),
    field("boolean", "reset", ProtoField.bool, "Reset"),
    field("string", "topic", ProtoField.string, "Topic"),
    field("number", "version", ProtoField.uint64, "Version of who is there"),
    field("number", "present", ProtoField.uint64, "How many are there"),
    field("string", "words", ProtoField.string, "Words"),
    field("string", "code", ProtoField.string, "Code"),
    field("string", "message", ProtoField.string, "Message"),
    field("string", "reason", ProtoField.string, "Reason"),
    field("number", "retry_after_ms", ProtoField.uint64, "Retry after (ms)"),
    field("string", "token", ProtoField.string, "Token of the probe"),
}
chat.fields = fields

local broken = ProtoExpert.new("chat.broken", "Not a frame", expert.group.MALFORMED, expert.severity.ERROR)
chat.experts = { broken }

-- JSON, as strict as section 1 --

local function space(json, at)
    return json:find("[^ \t\r\n]", at) or #json + 1
end

local function utf8(code)
    if code < 0x80 then return string.char(code) end
    local tail, first, most = "", 0x80, 0x40
    while code >= most do
        tail = string.char(0x80 + code % 0x40) .. tail
        code, first, most = math.floor(code / 0x40), math.floor(first / 2) + 0x80, most / 2
    end
    return string.char(first + code) .. tail
end

local escapes = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

local function unescape(text)
    local parts, from = {}, 1
    while true do
        local at = text:find("\\", from, true)
        table.insert(parts, text:sub(from, at and at - 1))
        if not at then return table.concat(parts) end
        local high, low = text:match("^u([dD][89aAbB]%x%x)\\u([dD][c-fC-F]%x%x)", at + 1)
        local code = text:match("^u(%x%x%x%x)", at + 1)
        if high then
            local both = (tonumber(high, 16) - 0xD800) * 0x400 + tonumber(low, 16) - 0xDC00
            table.insert(parts, utf8(0x10000 + both))
            from = at + 12
        elseif code then
            table.insert(parts, utf8(tonumber(code, 16)))
            from = at + 6
        else
            local is = text:sub(at + 1, at + 1)
            table.insert(parts, escapes[is] or is)
            from = at + 2
        end
    end
end

local value

-- Where the string that begins there ends; it is not unescaped.
local function quoted(json, at)
    local from = at + 1
    while true do
        local found = json:find('[%z\1-\31"\\]', from)
        if not found then error({ at, "a string does not end" }) end
        local is = json:sub(found, found)
        if is == '"' then return found end
        if is ~= "\\" then error({ found, "a control character in a string" }) end
        local escape = json:match("^[\"\\/bfnrt]", found + 1) or json:match("^u%x%x%x%x", found + 1)
        if not escape then error({ found, "not an escape" }) end
        from = found + 1 + #escape
    end
end

-- Goes through an object or array; tells `each` of the members of an object.
local function members(json, at, depth, each)
    if depth > DEEPEST then error({ at, "nested too deep" }) end
    local is_object = json:sub(at, at) == "{"
    local close = is_object and "}" or "]"
    at = space(json, at + 1)
    if json:sub(at, at) == close then return at end
    while true do
        local key
        if is_object then
            if json:sub(at, at) ~= '"' then error({ at, "a name is missing" }) end
            local stop = quoted(json, at)
            key, at = json:sub(at + 1, stop - 1), space(json, stop + 1)
            if json:sub(at, at) ~= ":" then error({ at, "a colon is missing" }) end
            at = space(json, at + 1)
        end
        local stop, kind = value(json, at, depth)
        if each then each(key, kind, at, stop) end
        at = space(json, stop + 1)
        local is = json:sub(at, at)
        if is == close then return at end
        if is ~= "," then error({ at, "a comma is missing" }) end
        at = space(json, at + 1)
    end
end

-- Where the value that begins there ends, and what it is.
function value(json, at, depth)
    local is = json:sub(at, at)
    if is == '"' then return quoted(json, at), "string" end
    if is == "{" or is == "[" then return members(json, at, depth + 1), "nested" end
    local digits = json:match("^%d+", at)
    if digits then
        local stop = at + #digits
        if #digits > 16 or digits:match("^0%d") or json:match("^[.eE]", stop) or tonumber(digits) > 2 ^ 53 - 1 then
            error({ at, "not a whole number up to 2^53 - 1" })
        end
        return stop - 1, "number"
    end
    for _, word in ipairs({ "true", "false", "null" }) do
        if json:sub(at, at + #word - 1) == word then
            return at + #word - 1, word == "null" and "null" or "boolean"
        end
    end
    error({ at, "a value is missing" })
end

-- The members of a frame by their names, or where it is broken, and why.
local function read(json)
    local found = {}
    local ok, why = pcall(function()
        local at = space(json, 1)
        if json:sub(at, at) ~= "{" then error({ at, "not an object" }) end
        local stop = members(json, at, 1, function(key, kind, from, to)
            if known[kind] and known[kind][key] then
                table.insert(found, { key = key, kind = kind, from = from, to = to, raw = json:sub(from, to) })
                found[key] = found[#found]
            end
        end)
        if space(json, stop + 1) <= #json then error({ stop + 1, "something stands behind it" }) end
        if not found.type or found.type.kind ~= "string" then error({ at, "it has no type" }) end
    end)
    if ok then return found end
    if type(why) ~= "table" then error(why) end
    return nil, why
end

-- What is shown --

-- In one line: `say #3 lobby "hi"`.
local function summary(found)
    local words = {}
    local function add(key, kind, before, after)
        local it = found[key]
        if it and it.kind == kind then
            local raw = kind == "string" and it.raw:sub(2, -2) or it.raw
            if #raw > 80 then
                -- Never in the middle of a character.
                raw = raw:sub(1, 80):gsub("[\192-\255][\128-\191]*$", "") .. "..."
            end
            table.insert(words, (before or "") .. raw .. (after or ""))
        end
    end
    add("type", "string")
    add("id", "number", "#")
    add("name", "string")
    add("room", "string")
    add("seq", "number")
    add("after", "number", "after ")
    add("head", "number", "head ")
    add("from", "number", "from ")
    add("to", "number", "to ")
    add("from", "string", "<", ">")
    add("to", "string", "to ")
    add("words", "string", '"', '"')
    add("text", "string", '"', '"')
    add("code", "string")
    add("reason", "string")
    return table.concat(words, " ")
end

local function add_member(tree, tvb, it)
    local range = tvb(it.from - 1, it.to - it.from + 1)
    local shown = known[it.kind][it.key]
    if it.kind == "string" then
        tree:add(shown, range, unescape(it.raw:sub(2, -2)))
    elseif it.kind == "boolean" then
        tree:add(shown, range, it.raw == "true")
    elseif it.key == "at" then
        local at = tonumber(it.raw)
        tree:add(shown, range, NSTime.new(math.floor(at / 1000), at % 1000 * 1000000))
    else
        tree:add(shown, range, UInt64.new(tonumber(it.raw) % 2 ^ 32, math.floor(tonumber(it.raw) / 2 ^ 32)))
    end
end

-- Several frames of one packet stand in one line: what is in front of a fence stays.
local function say(pinfo, text)
    pinfo.cols.protocol = "CHAT"
    pinfo.cols.info:set(pinfo.private["chat"] and " | " .. text or text)
    pinfo.cols.info:fence()
    pinfo.private["chat"] = "said"
end

-- One frame, without what the transport puts before it.
local function frame(tvb, pinfo, tree)
    if tvb:captured_len() < tvb:reported_len() then
        tree:append_text(", cut off by the capture")
        return say(pinfo, "cut off by the capture")
    end
    local json = tvb:raw()
    local found, why = read(json)
    if not found then
        local at = math.min(why[1], #json)
        tree:add_proto_expert_info(broken, "Not a frame: " .. why[2] .. ", at byte " .. at)
        return say(pinfo, "not a frame: " .. why[2])
    end
    local line = summary(found)
    tree:append_text(": " .. line)
    for _, it in ipairs(found) do
        add_member(tree, tvb, it)
    end
    Dissector.get("json"):call(tvb, pinfo, tree)
    say(pinfo, line)
end

-- TCP: 15.2, 15.3 --

local function pdu_length(tvb, _, offset)
    local said = tvb(offset, 4):uint()
    if said == 0 or said > LONGEST then
        return tvb:len() - offset -- nobody can tell what the rest would be
    end
    return 4 + said
end

local function pdu(tvb, pinfo, tree)
    local subtree = tree:add(chat, tvb())
    local said = tvb(0, 4):uint()
    subtree:add(length, tvb(0, 4))
    if said == 0 or said > LONGEST then
        subtree:add_proto_expert_info(broken, "Not a frame: its length is not 1 to " .. LONGEST)
        say(pinfo, "not a frame: length " .. said)
    else
        frame(tvb(4):tvb(), pinfo, subtree)
    end
    return tvb:len()
end

local function tcp(tvb, pinfo, tree)
    dissect_tcp_pdus(tvb, tree, 4, pdu_length, pdu)
    return tvb:len()
end

-- UDP: 15.8 --

local function udp(tvb, pinfo, tree)
    if not tvb:raw(0, math.min(tvb:captured_len(), 64)):match("^[ \t\r\n]*{") then
        return 0 -- others use these ports too
    end
    frame(tvb, pinfo, tree:add(chat, tvb()))
    return tvb:len()
end

function chat.dissector(tvb, pinfo, tree)
    -- Both have a port; only one of them is a stream.
    return (pinfo.port_type == 2 and tcp or udp)(tvb, pinfo, tree)
end

-- On other ports --

chat:register_heuristic("tcp", function(tvb, pinfo, tree)
    if tvb:captured_len() < 4 + #BEGINNING then return false end
    local said = tvb(0, 4):uint()
    if said <= #BEGINNING or said > LONGEST or tvb:raw(4, #BEGINNING) ~= BEGINNING then return false end
    pinfo.conversation = chat
    tcp(tvb, pinfo, tree)
    return true
end)

chat:register_heuristic("udp", function(tvb, pinfo, tree)
    if tvb:captured_len() < #BEGINNING or tvb:raw(0, #BEGINNING) ~= BEGINNING then return false end
    udp(tvb, pinfo, tree)
    return true
end)

local ports

local function listen()
    for _, name in ipairs({ "tcp.port", "udp.port" }) do
        local all = DissectorTable.get(name)
        if ports and ports ~= "" then all:remove(ports, chat) end
        if chat.prefs.ports ~= "" then all:add(chat.prefs.ports, chat) end
    end
    ports = chat.prefs.ports
end

chat.prefs_changed = listen
listen()
