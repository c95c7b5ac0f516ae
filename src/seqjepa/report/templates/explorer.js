"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  if (!byId("data")) return;
  const data = JSON.parse(byId("data").textContent), slider = byId("slider"), SIZE = 320, MARGIN = 20;
  const chosen = (name) => Number(document.querySelector(`input[name=${name}]:checked`).value);
  let place = (p) => p;

  function choose() {
    const factor = data.factors[chosen("factor")], image = chosen("image"), close = factor.circle;
    slider.max = factor.values.length - 1;
    slider.value = factor.values.reduce((best, v, i, all) => {
      const rest = factor.name === "scale" ? 1 : 0;
      return Math.abs(v - rest) < Math.abs(all[best] - rest) ? i : best;
    }, 0);
    const most = Math.max(...factor.orbits.flat(2).map(Math.abs), 1e-12), half = SIZE / 2 - MARGIN;
    place = ([x, y]) => [SIZE / 2 + half * x / most, SIZE / 2 - half * y / most];
    const line = (points) => (close ? [...points, points[0]] : points).map((p) => place(p).join(",")).join(" ");
    byId("orbit").setAttribute("points", line(factor.orbits[image]));
    byId("mean").setAttribute("points", line(factor.mean));
    byId("others").replaceChildren(...factor.orbits.filter((_, i) => i !== image).map((orbit) => {
      const other = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
      other.setAttribute("points", line(orbit));
      return other;
    }));
    const picture = byId("picture"), aside = `${-50 * (data.reach - 1)}%`;
    Object.assign(picture.style, { width: `${100 * data.reach}%`, height: `${100 * data.reach}%`, left: aside, top: aside });
    picture.parentElement.style.clipPath = data.mask ? "circle(50%)" : "";
    picture.src = data.sheets[image];
    move();
  }

  function move() {
    const factor = data.factors[chosen("factor")], image = chosen("image"), at = Number(slider.value);
    const [a, b, c, d, e, f] = factor.transforms[image][at], picture = byId("picture");
    const zoom = picture.clientWidth / (picture.naturalWidth || picture.clientWidth);
    picture.style.transform = `matrix(${a}, ${b}, ${c}, ${d}, ${e * zoom}, ${f * zoom})`;
    const [x, y] = place(factor.orbits[image][at]);
    byId("point").setAttribute("cx", x);
    byId("point").setAttribute("cy", y);
    const value = factor.values[at], shown = Math.abs(value) < 10 ? value.toFixed(2) : value.toFixed(0);
    byId("value").textContent = shown + factor.unit;
    slider.setAttribute("aria-valuetext", `${factor.name} ${shown}${factor.unit}`);
  }

  document.querySelectorAll("input[name=factor], input[name=image]").forEach((input) => input.addEventListener("change", choose));
  slider.addEventListener("input", move);
  byId("picture").addEventListener("load", move);
  addEventListener("resize", move);
  choose();
})();
