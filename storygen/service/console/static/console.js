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
