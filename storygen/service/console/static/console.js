// The little that HTML and htmx do not do by themselves. Without it the console works, too.
(() => {
  // A bar of the timeline opens the details of its piece of work.
  const open = (name) => {
    const details = document.getElementById(name)?.closest("details");
    if (!details) return;
    details.open = true;
    details.querySelector("summary").focus({ preventScroll: true });
    details.scrollIntoView({ block: "center" });
  };
  document.addEventListener("click", (event) => {
    const bar = event.target.closest?.("[data-work]");
    if (bar) open(`work-${bar.dataset.work}`);
  });
  // A scene's button makes the film begin there.
  document.addEventListener("click", (event) => {
    const from = event.target.closest?.("[data-seek]");
    const film = document.querySelector("#film video, #film audio");
    if (!from || !film) return;
    film.currentTime = Number(from.dataset.seek);
    film.play();
    film.scrollIntoView({ block: "center" });
  });
  // Whoever is asked before something is lost can say no.
  document.addEventListener("submit", (event) => {
    const asks = event.target.dataset.asks;
    if (asks && !window.confirm(asks)) {
      event.preventDefault();
      event.stopImmediatePropagation();
    }
  }, true);
  // A form that is on its way is not sent again, and says so; a page that the browser brings back begins anew.
  const wait = (form, is) => form.querySelectorAll("button").forEach((one) => {
    one.toggleAttribute("aria-busy", is);
    one.setAttribute("aria-disabled", is);
  });
  const leaves = (form) => form.method === "post" && !form.hasAttribute("data-hx-post");
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented || !leaves(event.target)) return;
    if (event.target.querySelector("[aria-busy]")) event.preventDefault();
    else wait(event.target, true);
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) [...document.forms].filter(leaves).forEach((form) => wait(form, false));
  });
  // A live part that cannot be fetched any more says so, and again when it can; who was logged out is led to the log-in.
  const lost = (is) => document.body.classList.toggle("is-lost", is);
  document.addEventListener("htmx:error", () => lost(true));
  document.addEventListener("htmx:before:response", (event) => {
    const answer = event.detail?.ctx?.response?.raw;
    if (!answer) return;
    lost(answer.status >= 500);
    if (answer.status === 401 || (answer.redirected && new URL(answer.url).pathname === "/login")) {
      event.preventDefault();
      window.location.reload();
    }
  });
})();
