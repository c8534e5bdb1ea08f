-- Numbers figures and tables and resolves references to them, in the shape that Quarto 1.9 emits.
-- A figure is an image with an id that begins with "fig-", a table a div with one that begins with "tbl-"
-- and whose last paragraph is its caption. `fig-alt` becomes the image's alternative text.

local names = { fig = "Figure", tbl = "Table" }
local counts = { fig = 0, tbl = 0 }
local numbers = {}

local function kind_of(id)
  return names[id:sub(1, 3)] and id:sub(4, 4) == "-" and id:sub(1, 3) or nil
end

local function alt_text(image)
  local alt = image.attributes["fig-alt"]
  if alt then
    image.attributes["fig-alt"] = nil
    image.caption = { pandoc.Str(alt) }
  end
  return image
end

local function raw(text)
  return pandoc.RawBlock("html", text)
end

local function float(id, content, caption)
  local kind = kind_of(id)
  counts[kind] = counts[kind] + 1
  numbers[id] = names[kind] .. "\u{a0}" .. counts[kind]
  local said = pandoc.Inlines { pandoc.Str(numbers[id] .. ":"), pandoc.Space() }
  said:extend(caption)
  local part = id .. "-caption"
  local head = '<figcaption class="quarto-float-caption quarto-float-' .. kind .. '" id="' .. part .. '">'
  local blocks = pandoc.Blocks { raw('<figure class="quarto-float quarto-float-' .. kind .. ' figure">') }
  local shown = pandoc.Div(content, { ["aria-describedby"] = part })
  local told = pandoc.Blocks { raw(head), pandoc.Plain(said), raw("</figcaption>") }
  if kind == "tbl" then
    blocks:extend(told)
    blocks:insert(shown)
  else
    blocks:insert(shown)
    blocks:extend(told)
  end
  blocks:insert(raw("</figure>"))
  return pandoc.Div(blocks, pandoc.Attr(id, { "quarto-float", "quarto-figure" }))
end

local function caption_of(blocks)
  local last = blocks[#blocks]
  if last and (last.t == "Para" or last.t == "Plain") then
    blocks:remove(#blocks)
    return last.content
  end
  return pandoc.Inlines {}
end

local collect = {
  traverse = "topdown",
  Figure = function(figure)
    local image
    figure:walk { Image = function(found) image = found end }
    local id = figure.identifier ~= "" and figure.identifier or (image and image.identifier or "")
    if image and kind_of(id) then
      local caption = pandoc.utils.blocks_to_inlines(figure.caption.long)
      image.identifier = ""
      return float(id, { pandoc.Plain { alt_text(image) } }, caption), false
    end
  end,
  Div = function(div)
    if kind_of(div.identifier) then
      local blocks = div.content
      local caption = caption_of(blocks)
      return float(div.identifier, blocks, caption), false
    end
  end,
}

local refer = {
  Image = alt_text,
  Cite = function(cite)
    local id = cite.citations[1].id
    if kind_of(id) then
      if numbers[id] then
        return pandoc.Link(pandoc.Str(numbers[id]), "#" .. id, "", { class = "quarto-xref" })
      end
      error("no figure or table is called " .. id)
    end
  end,
}

return { collect, refer }
