"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent).filter((side) => side.factor), SIZE = 320, MARGIN = 22;
  const byId = (id) => document.getElementById(id), slider = byId("slider"), play = byId("play"), picture = byId("picture");
  const first = data[0].factor, planes = [...document.querySelectorAll("svg.plane")];
  const chosen = () => Number(document.querySelector("input[name=image]:checked").value);
  const scales = data.map(({ factor }) => Math.max(...factor.orbits.flat(2).map(Math.abs), 1e-12));
  const place = (side, [x, y]) => [SIZE / 2 + ((SIZE / 2 - MARGIN) * x) / scales[side], SIZE / 2 - ((SIZE / 2 - MARGIN) * y) / scales[side]];
  const element = (name, kind) => { const made = document.createElementNS("http://www.w3.org/2000/svg", name); made.setAttribute("class", kind); return made; };

  function draw() {
    const image = chosen();
    data.forEach(({ factor }, side) => {
      const line = (points, kind) => {
        const made = element("polyline", kind);
        made.setAttribute("points", (factor.circle ? [...points, points[0]] : points).map((p) => place(side, p).join(",")).join(" "));
        return made;
      };
      const point = element("circle", "point");
      point.setAttribute("r", 8);
      const others = factor.orbits.filter((_, i) => i !== image).map((orbit) => line(orbit, "other"));
      planes[side].replaceChildren(...others, line(factor.mean, "mean"), line(factor.orbits[image], "orbit"), point);
    });
    picture.src = data[0].sheets[image];
    move();
  }

  function move() {
    const image = chosen(), at = Number(slider.value), [a, b, c, d, e, f] = first.transforms[image][at];
    const zoom = picture.clientWidth / (picture.naturalWidth || picture.clientWidth);
    picture.style.transform = `matrix(${a}, ${b}, ${c}, ${d}, ${e * zoom}, ${f * zoom})`;
    planes.forEach((plane, side) => {
      const [x, y] = place(side, data[side].factor.orbits[image][at]), point = plane.querySelector("circle");
      point.setAttribute("cx", x);
      point.setAttribute("cy", y);
    });
    const value = first.values[at], shown = Math.abs(value) < 10 ? value.toFixed(1) : value.toFixed(0);
    byId("value").textContent = shown + first.unit;
    slider.setAttribute("aria-valuetext", shown + first.unit);
  }

  let timer = null, step = 1;
  function turn() {
    const last = first.values.length - 1, now = Number(slider.value);
    if (first.circle) slider.value = now === last ? 0 : now + 1;
    else {
      if (now + step > last || now + step < 0) step = -step;
      slider.value = now + step;
    }
    move();
  }
  function playing(on) {
    clearInterval(timer);
    timer = on ? setInterval(turn, 160) : null;
    play.textContent = on ? "pause" : "play";
    play.setAttribute("aria-pressed", String(on));
  }

  const reach = `${100 * data[0].reach}%`, aside = `${-50 * (data[0].reach - 1)}%`;
  Object.assign(picture.style, { width: reach, height: reach, left: aside, top: aside });
  slider.max = first.values.length - 1;
  slider.addEventListener("input", () => { playing(false); move(); });
  play.addEventListener("click", () => playing(timer === null));
  document.querySelectorAll("input[name=image]").forEach((input) => input.addEventListener("change", draw));
  picture.addEventListener("load", move);
  addEventListener("resize", move);
  draw();
  playing(!matchMedia("(prefers-reduced-motion: reduce)").matches);
})();
