// Makes the charts answer to a pointer. Without it, or without JavaScript, every chart stands there as a picture.
(function () {
  "use strict";
  const look = JSON.parse(document.getElementById("look").textContent);
  const night = window.matchMedia("(prefers-color-scheme: dark)");

  // In the dark every colour of the light page has a twin.
  function shade(text) {
    if (!night.matches) return text;
    return text.replace(/#[0-9a-f]{6}/g, (colour) => look.dark[colour] || colour);
  }

  function draw(script) {
    const figure = document.getElementById(script.dataset.figure);
    const image = figure && figure.querySelector("img");
    if (!image) return;
    const spec = JSON.parse(shade(script.textContent));
    const config = JSON.parse(shade(JSON.stringify(look.config)));
    let place = figure.querySelector(".live");
    if (!place) {
      place = document.createElement("div");
      place.className = "live";
      place.setAttribute("role", "img");
      place.setAttribute("aria-label", image.alt);
      image.after(place);
    }
    vegaEmbed(place, spec, { config: config, renderer: "svg", actions: false, tooltip: { theme: night.matches ? "dark" : "light" } })
      .then(() => { image.hidden = true; figure.dataset.live = "yes"; })
      .catch((error) => { place.remove(); image.hidden = false; console.error(script.dataset.figure, error); });
  }

  function all() { document.querySelectorAll("script.chart").forEach(draw); }
  night.addEventListener("change", all);
  all();
})();
