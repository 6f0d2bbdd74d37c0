<resource schema="__system">
	<!-- This site's additions to DaCHS's own resources. DaCHS reads it as etc/userconfig.rd. -->

	<LOOP>
		<!-- Every process that translates ADQL reads this file, also those of asynchronous jobs. -->
		<codeItems>
			import rd.adql_functions
			yield from ()
		</codeItems>
		<events/>
	</LOOP>

	<LOOP>
		<!-- Replacements of slow parts of DaCHS; none with CHERENKOV_VO_FAST_PATHS=no. -->
		<codeItems>
			from upstream import install
			install.install()
			yield from ()
		</codeItems>
		<events/>
	</LOOP>

	<LOOP>
		<!-- Results are written by every process that answers TAP queries. -->
		<codeItems>
			from results import registry
			registry.register()
			yield from ()
		</codeItems>
		<events/>
	</LOOP>

	<STREAM id="obscore-extracolumns">
		<doc>Optional ObsCore 1.1 columns that we fill, and the time scale of all rows here.</doc>
		<LOOP>
			<codeItems>
				from ingest import columns
				yield from columns.rd_items("obscore")
			</codeItems>
			<events>
				<column name="\name" type="\type" unit="\unit" ucd="\ucd" utype="\utype"
						description="\description">
					<property name="std">1</property>
				</column>
			</events>
		</LOOP>
		<FEED source="rd/times#annotation"/>
	</STREAM>

	<STREAM id="obscore-extrapars">
		<LOOP>
			<codeItems>
				from ingest import columns
				yield from columns.rd_items("obscore")
			</codeItems>
			<events>
				<mixinPar name="\name" description="\description">NULL</mixinPar>
			</events>
		</LOOP>
	</STREAM>

	<STREAM id="obscore-extraevents">
		<LOOP>
			<codeItems>
				from ingest import columns
				for column in columns.rd_items("obscore"):
					yield dict(column, macro="\\" + column["name"])
			</codeItems>
			<events>
				<property name="obscoreClause" cumulate="True">, CAST(\macro AS \type) AS \name</property>
			</events>
		</LOOP>
	</STREAM>

	<NXSTREAM id="obscore-overrides">
		<LOOP>
			<codeItems>
				from rd import metadata
				metadata.declare_null(context.getById("ObsCore"))
				metadata.withhold_dates(context.getById("ObsCore"))
				metadata.declare_indexes(context.getById("ObsCore"))
				metadata.state_all_columns(context.getById("ObsCore"))
				metadata.lead_to_links(context.getById("ObsCore"))
				metadata.state_versions(context.getById("ObsCore"))
				yield from ()
			</codeItems>
			<events/>
		</LOOP>
	</NXSTREAM>

	<STREAM id="registry-interfacerecords">
		<doc>The naming authority and the publishing registry of this site. The authority's record
			is as old as the instance; DaCHS would date it like the file that defines it.</doc>
		<resRec id="authority">
			<meta>
				resType: authority
				identifier: ivo://\getConfig{ivoa}{authority}
				sets: ivo_managed
				creationDate: \\metaString{authority.creationDate}
				_metadataUpdated: \\metaString{authority.creationDate}
				title: \\metaString{authority.title}
				shortName: \\metaString{authority.shortName}
				subject: virtual-observatories
				managingOrg: \\metaString{publisher}
				referenceURL: \\metaString{authority.referenceURL}
			</meta>
			<meta name="description">\\metaString{authority.description}</meta>
		</resRec>
		<service id="registry" allowed="pubreg.xml">
			<registryCore/>
			<publish render="pubreg.xml" sets="ivo_managed">
				<meta name="accessURL">\getConfig{web}{serverURL}\getConfig{web}{nevowRoot}oai.xml</meta>
			</publish>
			<meta>
				resType: registry
				creationDate: \\metaString{authority.creationDate}
				title: \getConfig{web}{sitename} Registry
				shortName: \\metaString{authority.shortName} RG
				subject: virtual-observatories
				content.type: Archive
				rights: public
				publisher: \getConfig{web}{sitename}
				managedAuthority: \getConfig{ivoa}{authority}
				maxRecords: 10000
				harvest.description: Where registries harvest the records of \getConfig{web}{sitename}.
			</meta>
			<meta name="description">The publishing registry of \getConfig{web}{sitename}: its records tell
				the Virtual Observatory what is served here.</meta>
		</service>
	</STREAM>

	<STREAM id="obscore-materialised-indexes">
		<doc>The indexes of ivoa.obscore where it is a table, those that the collections' tables have.</doc>
		<FEED source="rd/functions#position-indexes"/>
		<LOOP listItems="obs_publisher_did obs_id target_name obs_collection dataproduct_type">
			<events>
				<index columns="\item"/>
			</events>
		</LOOP>
		<LOOP listItems="t_min t_max em_min em_max">
			<events>
				<index columns="\item"/>
			</events>
		</LOOP>
	</STREAM>

	<STREAM id="tapexamples">
		<doc>The queries that clients offer as examples, in the terms of this site.</doc>
		<LOOP>
			<codeItems>
				from rd import metadata
				yield {"event_list": metadata.vocabulary().event_list}
			</codeItems>
			<events>
		<meta name="_example" title="Calibrated event lists of an object">
			Event lists near BL Lacertae, calibrated and with at least 10000 events, from
			:taptable:`ivoa.obscore` with its High-Energy extension :taptable:`ivoa.obscore_hea`. Put in your
			own position, or Crab's (83.63, 22.01), with a radius of some degrees: Cherenkov telescopes
			point beside their targets.

			.. tapquery::

				SELECT * FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea
				WHERE (target_name = 'BL Lac'
					OR 1 = CONTAINS(POINT(s_ra, s_dec), CIRCLE(330.680338, 42.27777, 0.083333)))
				AND dataproduct_type = '\event_list' AND calib_level &gt;= 2
				AND em_calib_status = 'calibrated' AND ev_xel &gt;= 10000
		</meta>
			</events>
		</LOOP>
		<meta name="_example" title="Whose field of view covers a position">
			All observations whose field of view covers a position, here that of the Crab Nebula, from
			:taptable:`ivoa.obscore`. s_fov is a diameter.

			.. tapquery::

				SELECT obs_id, target_name, s_ra, s_dec, t_min, t_max
				FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea
				WHERE 1 = CONTAINS(POINT('ICRS', 83.63, 22.01), CIRCLE('ICRS', s_ra, s_dec, s_fov/2))
		</meta>
		<meta name="_example" title="Data above 10 TeV">
			Observations that can be used above 10 TeV. Energies are in eV.

			.. tapquery::

				SELECT obs_id, access_url, energy_min, energy_max
				FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea
				WHERE energy_max &gt;= 1.0e13
		</meta>
		<meta name="_example" title="All point spread functions near a position">
			Each observation's files stand in :taptable:`datalink.response`, so one query gives the point
			spread functions of everything that overlaps a region, ready to download.

			.. tapquery::

				SELECT o.obs_id, d.access_url, d.content_length
				FROM ivoa.obscore AS o JOIN datalink.response AS d ON o.obs_publisher_did = d.id
				WHERE d.semantics = '#calibration' AND d.content_qualifier = 'psf'
				AND 1 = INTERSECTS(o.s_region, CIRCLE(83.63, 22.01, 1))
		</meta>
		<meta name="_example" title="Effective areas with their event lists">
			Which effective area belongs to which event list stands in :taptable:`ivoa.response_aeff`, with the
			energies that it covers; :taptable:`ivoa.response` has all kinds of responses.

			.. tapquery::

				SELECT o.obs_id, o.target_name, r.resp_access_url, r.resp_energy_min, r.resp_energy_max
				FROM ivoa.obscore AS o JOIN ivoa.response_aeff AS r ON o.obs_publisher_did = r.obs_publisher_did
				WHERE 1 = CONTAINS(POINT(o.s_ra, o.s_dec), CIRCLE(83.63, 22.01, 3))
		</meta>
		<meta name="_example" title="Really observing in a time interval">
			Observations with good time in an interval (MJD in TT): gaps between good time intervals do
			not count, as they would with t_min and t_max. Any time MOC can stand in place of the two
			limits, such as that of another telescope's observations.

			.. tapquery::

				SELECT obs_id, target_name, gavo_tmoc_overlap_seconds(t_intervals, 53945.9, 53946.0) AS seconds
				FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea
				WHERE 1 = gavo_tmoc_overlaps(t_intervals, 53945.9, 53946.0)
		</meta>
		<meta name="_example" title="All times at which an object was observed">
			The union of all good time intervals as one time MOC, for each object; TOPCAT and Aladin read it.

			.. tapquery::

				SELECT target_name, COUNT(*) AS n, gavo_tmoc_union(t_intervals) AS tmoc
				FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea
				GROUP BY target_name
		</meta>
		<meta name="_example" title="Data between 1 and 10 TeV">
			Observations that can be used somewhere in a range of energies, in eV.

			.. tapquery::

				SELECT obs_id, target_name, energy_min, energy_max
				FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea
				WHERE 1 = gavo_energy_overlaps(energy_min, energy_max, 1e12, 1e13)
		</meta>
		<meta name="_example" title="Data sets that have energies">
			o_ucd says what is measured, as words with hash signs between them.

			.. tapquery::

				SELECT obs_id, dataproduct_type, o_ucd
				FROM ivoa.obscore
				WHERE 1 = ivo_hashlist_has(o_ucd, 'em.energy')
		</meta>
	</STREAM>

</resource>
