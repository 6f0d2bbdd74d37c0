<resource schema="dc" resdir="rd">
	<meta name="creationDate">2026-11-23T12:00:00Z</meta>
	<meta name="title">\getConfig{web}{siteName}: Access to Data Sets</meta>
	<meta name="description">Services on the data sets of all collections of this site: their links, bundles
		of several of them, and selections of events.</meta>
	<meta name="subject">gamma-ray-astronomy</meta>

	<service id="dl" allowed="dlmeta">
		<meta name="title">\getConfig{web}{siteName}: DataLink</meta>
		<meta name="shortName">All DataLink</meta>
		<meta name="description">Leads from a data set of any collection to its event list, its instrument
			responses, pictures, bundles, selections of events and its provenance. IDs are
			obs_publisher_did; an obs_id that only one collection has works, too.</meta>
		<datalinkCore>
			<descriptorGenerator>
				<code>
					from datalink import service
					return service.describe(None, pubDID, args)
				</code>
			</descriptorGenerator>
			<metaMaker>
				<code>
					from datalink import service
					yield from service.links(descriptor)
				</code>
			</metaMaker>
		</datalinkCore>
	</service>

	<service id="page" allowed="custom" customPage="links_page">
		<meta name="title">\getConfig{web}{siteName}: Links for people</meta>
		<meta name="shortName">All links</meta>
		<meta name="description">A page with all links of data sets of any collection, and forms to select
			events; for people, as the DataLink service is for programs.</meta>
		<nullCore/>
	</service>

	<service id="bundle" allowed="custom" customPage="bundle_page">
		<meta name="title">\getConfig{web}{siteName}: Bundles</meta>
		<meta name="shortName">Bundles</meta>
		<meta name="description">Sends the files of one or many data sets as a tar archive with index
			tables, terms of use and provenance. Give obs_publisher_did (or obs_id) as ID, repeatedly;
			POST takes lists and VOTables with the column obs_publisher_did as well.</meta>
		<nullCore/>
	</service>

	<service id="cutout" allowed="dlget,dlasync,dlmeta">
		<meta name="title">\getConfig{web}{siteName}: Event Selection</meta>
		<meta name="shortName">Event cutout</meta>
		<meta name="description">Selects events from event lists by region, time and energy (SODA 1.0). The
			answer is a GADF event list with its good times; several IDs give an archive of them.</meta>
		<!-- Without values: DaCHS would refuse all formats but those of tables. The data function checks. -->
		<inputKey name="responseformat" type="text" ucd="meta.code.mime" tablehead="Output Format"
				description="Format of the answer" multiplicity="single" std="True">
			<property key="notForRenderer">form</property>
			<property key="std">1</property>
		</inputKey>
		<datalinkCore>
			<descriptorGenerator>
				<code>
					from datalink.cutouts import service
					return service.describe(pubDID, args)
				</code>
			</descriptorGenerator>
			<metaMaker semantics="#cutout">
				<code>
					from datalink.cutouts import service
					yield from service.parameters(descriptor)
				</code>
			</metaMaker>
			<dataFunction>
				<code>
					from datalink.cutouts import service
					descriptor.data = service.answer(descriptor)
				</code>
			</dataFunction>
		</datalinkCore>
	</service>
</resource>
