// Before the first paint: the theme that was chosen, else what the system asks for.
(() => {
  const chosen = localStorage.getItem('sitelift.theme');
  const wantsLight = matchMedia('(prefers-color-scheme: light)').matches;
  document.documentElement.dataset.theme = chosen ?? (wantsLight ? 'light' : 'dark');
})();
