// What the links page can do beyond plain HTML: send files to other programs, and keep URLs short.

"use strict";

(function () {
	const main = document.querySelector("main");
	const status = document.createElement("p");
	status.className = "status";
	status.setAttribute("role", "status");
	main.append(status);

	function say(text) {
		status.textContent = text;
		window.setTimeout(function () { status.textContent = ""; }, 6000);
	}

	function send(connector, link) {
		const message = new samp.Message(link.dataset.mtype, {
			"url": link.href,
			"name": `${link.textContent}, ${document.title}`,
			"table-id": link.href,
		});
		connector.runWithConnection(
			function (connection) {
				connection.notifyAll([message]);
				say(`Sent: ${link.textContent}.`);
			},
			function () {
				say("No program listens: start one with a SAMP hub (TOPCAT, Aladin), and allow this page to connect.");
			});
	}

	if (window.samp) {
		const connector = new samp.Connector("Cherenkov data", {
			"samp.name": "Cherenkov data",
			"samp.description.text": `Links at ${document.URL}`,
		});
		window.addEventListener("pagehide", function () { connector.unregister(); });
		for (const link of document.querySelectorAll("a[data-mtype]")) {
			const button = document.createElement("button");
			button.type = "button";
			button.textContent = "Send to SAMP";
			button.setAttribute("aria-label", `Send to SAMP: ${link.textContent}`);
			button.addEventListener("click", function () { send(connector, link); });
			link.closest(".link").append(button);
		}
	}

	// An empty field would be sent as an empty parameter.
	for (const form of document.querySelectorAll("form.fields")) {
		form.addEventListener("submit", function () {
			for (const field of form.querySelectorAll("input[type=text]")) {
				field.disabled = field.value.trim() === "";
			}
			// Coming back, the fields are to be there again.
			window.setTimeout(function () {
				for (const field of form.querySelectorAll("input:disabled")) {
					field.disabled = false;
				}
			}, 0);
		});
	}
})();
