<resource schema="dc" resdir="rd">
	<meta name="creationDate">2026-11-29T12:00:00Z</meta>
	<meta name="title">\getConfig{web}{siteName}: Preview Jobs</meta>
	<meta name="description">Quick looks at the data of this site's collections, made on this server.</meta>
	<meta name="subject">gamma-ray-astronomy</meta>

	<service id="jobs" allowed="async">
		<meta name="title">\getConfig{web}{siteName}: Preview Jobs</meta>
		<meta name="shortName">Preview jobs</meta>
		<meta name="description">Runs Gammapy on event lists (UWS 1.1): maps of counts, excess and
			significance, squared distances, a spectrum with a power law, and a light curve. Give
			obs_publisher_did of event lists as ID, repeatedly. They are for a first look only.</meta>
		<customCore module="preview_core"/>
	</service>
</resource>
