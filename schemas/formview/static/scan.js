// Reads the code of a QR from a picture, where the browser can; elsewhere the
// code is typed, and this offers nothing.
const form = document.getElementById("code-form");
const button = document.getElementById("scan");
const picture = document.getElementById("picture");
const none = document.getElementById("no-code");

if (form && "BarcodeDetector" in window) {
  button.hidden = false;
  button.addEventListener("click", () => picture.click());
  picture.addEventListener("change", async () => {
    none.hidden = true;
    try {
      const image = await createImageBitmap(picture.files[0]);
      const found = await new BarcodeDetector({ formats: ["qr_code"] }).detect(image);
      document.getElementById("code").value = found[0].rawValue;
      form.requestSubmit();
    } catch {
      none.hidden = false;
      none.scrollIntoView({ block: "center" });
    }
    picture.value = "";
  });
}
