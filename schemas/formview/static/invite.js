// The secret of an invitation stands behind the address's "#", where no server
// and no log sees it; the form takes it along, and the address forgets it.
const secret = document.getElementById("secret");
if (location.hash.length > 1) {
  secret.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
}
