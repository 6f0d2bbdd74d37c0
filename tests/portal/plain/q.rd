<resource schema="plain" resdir="plain">
	<meta name="title">Simulated plain observations</meta>
	<meta name="description">Simulated X-ray observations, as a service publishes them that knows ObsCore 1.1 and nothing
		else: a second service for tests of the explorer.</meta>
	<meta name="creationDate">2026-11-01T00:00:00Z</meta>
	<meta name="subject">x-ray-astronomy</meta>
	<meta name="creator">Nobody</meta>

	<table id="main" onDisk="True" mixin="//obscore#publishObscoreLike">
		<FEED source="//obscore#obscore-columns"/>
	</table>

	<data id="import">
		<sources items="0"/>
		<embeddedGrammar>
			<iterator>
				<code>
					# Each observation has an image and an event list, so that obs_id tells no row from another.
					targets = [("Crab Nebula", 83.633, 22.014), ("PKS 2155-304", 329.717, -30.226), (None, 266.4, -29.0)]
					for number in range(30):
						target, ra, dec = targets[number % 3]
						start = 53000.0 + 40 * number
						common = {
							"obs_id": "plain-%03d" % number, "obs_collection": "SIMULATED-PLAIN", "target_name": target,
							"s_ra": ra + 0.01 * number, "s_dec": dec, "s_fov": 0.5, "s_resolution": 6.0,
							"t_min": start, "t_max": start + 0.25, "t_exptime": 0.25 * 86400, "calib_level": 2,
							"em_min": 1.2e-10, "em_max": 4.1e-9, "facility_name": "Simulated X-ray telescope",
							"instrument_name": "SIM", "obs_publisher_did": None,
						}
						half = common["s_fov"] / 2
						common["s_region"] = pgsphere.SPoly.fromDALI([
							coordinate for dx, dy in ((-half, -half), (half, -half), (half, half), (-half, half))
							for coordinate in (common["s_ra"] + dx, common["s_dec"] + dy)])
						for kind, ucd in (("image", "phot.count"), ("event", None)):
							name = "%s/%s" % (common["obs_id"], kind)
							yield common | {
								"dataproduct_type": kind, "o_ucd": ucd, "obs_title": "Simulated " + name,
								"obs_publisher_did": "ivo://plain.cherenkov.example/~?" + name,
								"access_url": "http://plain.cherenkov.example/files/" + name,
								"access_format": "application/fits", "access_estsize": 2000 + number,
							}
				</code>
			</iterator>
		</embeddedGrammar>
		<make table="main">
			<rowmaker idmaps="*"/>
		</make>
	</data>
</resource>
