// Makes the charts answer to a pointer, and the numbers a file. Without it, or without JavaScript, every chart stands there as a picture.
(function () {
  "use strict";
  const look = JSON.parse(document.getElementById("look").textContent);
  const night = window.matchMedia("(prefers-color-scheme: dark)");
  const small = window.matchMedia("(max-width: 42rem)"); // as in the style sheet

  // In the dark every colour of the light page has a twin.
  function shade(text) {
    if (!night.matches) return text;
    return text.replace(/#[0-9a-f]{6}/g, (colour) => look.dark[colour] || colour);
  }

  // A specification says what is other about it on a narrow screen: a place in it, what stands there then, if anything,
  // and the place from which that came.
  function laid(spec) {
    const above = (path) => path.slice(0, -1).reduce((value, key) => value[key], spec);
    for (const [path, then, from] of small.matches && spec.usermeta ? spec.usermeta.narrow : []) {
      above(path)[path.at(-1)] = from ? above(from)[from.at(-1)] : then;
      if (from) delete above(from)[from.at(-1)];
      if (then === undefined) delete above(path)[path.at(-1)];
    }
    delete spec.usermeta;
    return spec;
  }

  // A chart's title stands on the page as text, in the page's own type: it has lines there, and in a drawing one.
  function headed(place, spec) {
    place.replaceChildren();
    for (const [name, said] of [["finding", spec.title.text], ["shown", (spec.title.subtitle || []).join(" ")]]) {
      const line = document.createElement("span");
      line.className = name;
      line.textContent = said;
      place.append(line);
    }
    delete spec.title;
    const drawing = document.createElement("span");
    place.append(drawing);
    return drawing;
  }

  function draw(script) {
    const figure = document.getElementById(script.dataset.figure);
    const image = figure && figure.querySelector("img");
    if (!image) return;
    const spec = laid(JSON.parse(shade(script.textContent)));
    const config = JSON.parse(shade(JSON.stringify(look.config)));
    let place = figure.querySelector(".live");
    if (!place) {
      place = document.createElement("div");
      place.className = "live";
      image.after(place);
    }
    const drawing = headed(place, spec);
    vegaEmbed(drawing, spec, { config: config, renderer: "svg", actions: false, tooltip: { theme: night.matches ? "dark" : "light" } })
      .then(() => { image.hidden = true; fit(drawing); name(place, image.alt); figure.dataset.live = "yes"; reach(); })
      .catch((error) => { place.remove(); image.hidden = false; console.error(script.dataset.figure, error); });
  }

  // All drawings are enlarged alike, so that type has one size in all of them; one for paper's width fills the place.
  function fit(drawing) {
    const own = drawing.querySelector("svg").viewBox.baseVal.width;
    drawing.style.maxWidth = Math.min(1, own / (small.matches ? look.narrow : look.width)) * 100 + "%";
  }

  // One picture with one description, as the image was: what Vega says of every mark is noise to a screen reader.
  function name(place, alt) {
    place.setAttribute("role", "img");
    place.setAttribute("aria-label", alt);
    place.removeAttribute("aria-roledescription");
    place.querySelectorAll("svg").forEach((drawing) => drawing.setAttribute("aria-hidden", "true"));
  }

  // What is wider than the screen scrolls, and by keyboard too.
  function reach() {
    document.querySelectorAll("figure > div, .live, .numbers").forEach((box) => {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    });
  }

  function all() { document.querySelectorAll("script.chart").forEach(draw); }
  night.addEventListener("change", all);
  small.addEventListener("change", all);
  window.addEventListener("resize", reach);
  all();
  reach();

  // Every number, a row each: where it stands in facts.json, and whose it is. Lists count from 1, segments go by their id.
  function rows(facts) {
    const found = [["month", "section", "segment", "measure", "value"]];
    function walk(value, section, segment, path) {
      if (typeof value === "number") found.push([facts.month, section, segment, path.join(".") || section, value]);
      else if (Array.isArray(value)) value.forEach((item, place) => walk(item, section, segment, [...path, place + 1]));
      else if (value && typeof value === "object") Object.entries(value).forEach(([key, item]) => walk(item, section, segment, [...path, key]));
    }
    for (const [section, value] of Object.entries(facts)) {
      if (section === "segments") value.forEach((one) => walk(one, section, one.name, [one.id]));
      else walk(value, section, "", []);
    }
    return found;
  }

  // A text that a spreadsheet would take for a formula is kept from it by an apostrophe; a number is a number. So is a part of a text
  // that would begin a cell where ";" or a tab separates them, as in most of Europe.
  function cell(value) {
    if (typeof value === "number") return String(value);
    const text = (/^[\t\r]/.test(value) ? "'" + value : value).replace(/(^|[;\t\r\n])(["\s]*)(?=[=+\-@])/g, "$1$2'");
    return /[",;\t\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
  }

  function save(name, type, text) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  const facts = JSON.parse(document.getElementById("facts").textContent);
  const write = {
    csv: () => ["\ufeff" + rows(facts).map((row) => row.map(cell).join(",") + "\r\n").join(""), "text/csv;charset=utf-8"],
    json: () => [JSON.stringify(facts, null, 1) + "\n", "application/json"],
  };
  document.querySelectorAll("[data-download]").forEach((button) => {
    const kind = button.dataset.download;
    button.hidden = false;
    button.addEventListener("click", () => {
      const [text, type] = write[kind]();
      save("facts-" + facts.month + "." + kind, type, text);
    });
  });
})();
