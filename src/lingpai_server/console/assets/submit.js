// Sends the one form of the page on its way; whoever runs no script presses the button.
// Not `form.submit`: a field of that name would stand in its place.
HTMLFormElement.prototype.submit.call(document.getElementById("submit-at-once"));
