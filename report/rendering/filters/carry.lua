-- Hands the run's own files, and no others, to a Pandoc that may read none: the pictures and scripts beside the page
-- and in its figures/, and the style sheets that the command line names.

local kinds = { css = "text/css", js = "text/javascript", png = "image/png", svg = "image/svg+xml" }

local function carry(path)
  local kind = kinds[path:match("%.(%w+)$")]
  local file = kind and io.open(path, "rb")
  if file then
    pandoc.mediabag.insert(path, kind, file:read("a"))
    file:close()
  end
end

function Pandoc()
  for _, folder in ipairs { "", "figures/" } do
    local there, names = pcall(pandoc.system.list_directory, folder == "" and "." or folder)
    for _, name in ipairs(there and names or {}) do
      carry(folder .. name)
    end
  end
  for _, sheet in ipairs(PANDOC_WRITER_OPTIONS.variables.css or {}) do
    carry(tostring(sheet))
  end
end
