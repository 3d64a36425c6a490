-- Wireshark: the frames of chat over TCP and UDP (docs/protocol.md, sections 1 and 15). README.md beside it says how.

local chat = Proto("chat", "LAN chat")

chat.prefs.ports = Pref.range("Ports", "7000", "TCP and UDP ports of servers; on others frames are found by how they begin", 65535)

local LONGEST = 65507 -- 15.3
local DEEPEST = 8 -- 1.5
local BEGINNING = '{"type":"' -- 1.2: whoever writes puts it first

-- What frames have, by its name in JSON and the kind of its value.
local known = { string = {}, number = {}, boolean = {} }
local function field(kind, key, make, title, filter)
    filter = filter or key
    known[kind][key] = make("chat." .. filter, title)
    return known[kind][key]
end

local KINDS = { "hello", "challenge", "gone", "data", "part", "proof" } -- 15.17
local HEADER = 25 -- 15.16
local PART = 1024 -- 15.19

local length = ProtoField.uint32("chat.length", "Length")
local kind_field = ProtoField.uint8("chat.kind", "Kind", base.HEX, KINDS)
local counter = ProtoField.uint64("chat.counter", "Counter of datagrams")
local part_frame = ProtoField.uint64("chat.part.frame", "Number of the frame", base.HEX)
local part_length = ProtoField.uint16("chat.part.length", "Length of the frame")
local part_place = ProtoField.uint8("chat.part.place", "Place of the part")
local fields = {
    length,
    kind_field,
    counter,
    part_frame,
    part_length,
    part_place,
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

-- UDP with a header: 15.16 to 15.20 --

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

-- As datagrams without a header write tokens and cookies, so that one filter finds both.
local function base64url(bytes)
    local out, bits, count = {}, 0, 0
    for at = 1, #bytes do
        bits, count = bits * 256 + bytes:byte(at), count + 8
        while count >= 6 do
            local place = math.floor(bits / 2 ^ (count - 6))
            bits, count = bits % 2 ^ (count - 6), count - 6
            table.insert(out, ALPHABET:sub(place + 1, place + 1))
        end
    end
    if count > 0 then
        local place = bits * 2 ^ (6 - count)
        table.insert(out, ALPHABET:sub(place + 1, place + 1))
    end
    return table.concat(out)
end

local function has_header(tvb)
    local kind = tvb:captured_len() >= HEADER and tvb(0, 1):uint() or 0
    return KINDS[kind] ~= nil
end

local function malformed(pinfo, tree, why)
    tree:add_proto_expert_info(broken, "Not a datagram of this kind: " .. why)
    say(pinfo, "not a datagram: " .. why)
end

-- Whole frames behind one another, each behind its length.
local function frames(tvb, pinfo, tree)
    local at = HEADER
    while at < tvb:len() do
        local left = tvb:len() - at - 2
        local said = left >= 0 and tvb(at, 2):uint() or 0
        if said == 0 or said > left then return malformed(pinfo, tree, "its frames do not fill it") end
        local subtree = tree:add(chat, tvb(at, 2 + said))
        subtree:add(length, tvb(at, 2))
        frame(tvb(at + 2, said):tvb(), pinfo, subtree)
        at = at + 2 + said
    end
    if at == HEADER then malformed(pinfo, tree, "it has no frame") end
end

-- Parts of frames that are not complete, and by packet the frames that its part completed.
local pending, completed = {}, {}

function chat.init()
    pending, completed = {}, {}
end

local function keep_part(key, place, count, bytes, packet)
    local parts = pending[key] or { count = 0 }
    pending[key] = parts
    if not parts[place] then
        parts[place], parts.count = bytes, parts.count + 1
    end
    if parts.count == count then
        completed[packet] = table.concat(parts, "", 0, count - 1)
        pending[key] = nil
    end
end

local function part(tvb, pinfo, tree)
    if tvb:len() < HEADER + 12 then return malformed(pinfo, tree, "it has no part") end
    local whole, place = tvb(HEADER + 8, 2):uint(), tvb(HEADER + 10, 1):uint()
    local bytes = tvb:raw(HEADER + 11)
    if whole == 0 or #bytes ~= math.min(PART, whole - place * PART) then
        return malformed(pinfo, tree, "the frame has no such part")
    end
    tree:add(part_frame, tvb(HEADER, 8))
    tree:add(part_length, tvb(HEADER + 8, 2))
    tree:add(part_place, tvb(HEADER + 10, 1))
    local count = math.ceil(whole / PART)
    say(pinfo, "part " .. place + 1 .. " of " .. count)
    if not pinfo.visited then
        -- Both ends split with the same token, so the sender is part of the name.
        local key = tostring(pinfo.src) .. tvb:raw(1, 16) .. tvb:raw(HEADER, 10)
        keep_part(key, place, count, bytes, pinfo.number)
    end
    if completed[pinfo.number] then
        frame(ByteArray.new(completed[pinfo.number], true):tvb("Frame"), pinfo, tree)
    end
end

local function with_header(tvb, pinfo, tree)
    local kind = KINDS[tvb(0, 1):uint()]
    tree:append_text(", " .. kind)
    tree:add(kind_field, tvb(0, 1))
    tree:add(known.string.link, tvb(1, 16), base64url(tvb:raw(1, 16)))
    if kind == "data" or kind == "part" then
        tree:add(counter, tvb(17, 8))
    elseif kind ~= "gone" and tvb:raw(17, 8) ~= ("\0"):rep(8) then
        tree:add(known.string.cookie, tvb(17, 8), base64url(tvb:raw(17, 8)))
    end
    if tvb:captured_len() < tvb:reported_len() then
        tree:append_text(", cut off by the capture")
        return say(pinfo, kind .. ", cut off by the capture")
    end
    if kind == "data" or kind == "hello" then
        frames(tvb, pinfo, tree)
    elseif kind == "part" then
        part(tvb, pinfo, tree)
    elseif tvb:len() > HEADER then
        malformed(pinfo, tree, "something stands behind its header")
    else
        say(pinfo, kind)
    end
end

-- UDP: 15.8 --

local function udp(tvb, pinfo, tree)
    if has_header(tvb) then
        with_header(tvb, pinfo, tree:add(chat, tvb()))
        return tvb:len()
    end
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
    local first = HEADER + 2
    if has_header(tvb) and tvb:captured_len() >= first + #BEGINNING and tvb:raw(first, #BEGINNING) == BEGINNING then
        pinfo.conversation = chat -- so that its parts, and the answers, are found as well
        udp(tvb, pinfo, tree)
        return true
    end
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
