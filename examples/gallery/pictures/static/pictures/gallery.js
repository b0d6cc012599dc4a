// The form works without this: it shows the chosen picture, takes dropped ones, and stops a second click.
const form = document.querySelector(".upload");

if (form) {
  const drop = form.querySelector(".drop");
  const input = drop.querySelector("input");
  const hint = drop.querySelector(".hint");

  input.addEventListener("change", () => {
    const [file] = input.files;
    drop.classList.toggle("chosen", Boolean(file));
    hint.textContent = file ? file.name : "Choose a picture or drop it here";
    drop.style.backgroundImage = file ? `url("${URL.createObjectURL(file)}")` : "";
  });

  for (const [event, over] of [["dragenter", true], ["dragleave", false], ["drop", false]]) {
    drop.addEventListener(event, () => drop.classList.toggle("over", over));
  }

  form.addEventListener("submit", () => {
    form.querySelector("button").disabled = true;
  });
  window.addEventListener("pageshow", () => {
    form.querySelector("button").disabled = false;
  });
}
