// The storage of one app: its host, its package, its queues, ledger and reports. No key opens it; identities do.

@description('Name of the storage account')
param name string

@description('Region')
param location string

@description('Tags')
param tags object

@description('Replication; zone-redundant unless the region has no zones')
@allowed([
  'Standard_ZRS'
  'Standard_LRS'
  'Standard_GZRS'
])
param sku string = 'Standard_ZRS'

@description('Names of the queues. The app makes what is missing; here they are there before the first event.')
param queues array

@description('Names of the tables')
param tables array

@description('Names of the blob containers')
param containers array

@description('Whether the account is reached through private endpoints alone')
param isPrivate bool

@description('Id of the Log Analytics workspace that gets the logs')
param workspaceId string

resource account 'Microsoft.Storage/storageAccounts@2026-09-01' = {
  // checkov:skip=CKV_AZURE_35: Without private endpoints Flex Consumption comes from addresses that change; identities alone open the account
  // checkov:skip=CKV_AZURE_59: The same; and Event Grid keeps dead-letters here as a trusted service
  // checkov:skip=CKV_AZURE_206: Zone-redundant; the ledger of one region's app is of no use in another
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: sku
  }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    // Not Disabled: Event Grid dead-letters as a trusted service, which passes the rules below and would not pass that
    // (Learn, "Configure Azure Storage firewalls and virtual networks", trusted access based on a managed identity).
    publicNetworkAccess: 'Enabled'
    supportsHttpsTrafficOnly: true
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: isPrivate ? 'Deny' : 'Allow'
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2026-09-01' = {
  parent: account
  name: 'default'
  properties: {
    // What was removed by mistake, a package or an approval, can be had back for a week.
    deleteRetentionPolicy: {
      enabled: true
      days: 7
    }
    containerDeleteRetentionPolicy: {
      enabled: true
      days: 7
    }
  }
}

resource containersOfBlobs 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-09-01' = [for container in containers: {
  parent: blobs
  name: container
  properties: {
    publicAccess: 'None'
  }
}]

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2026-09-01' = {
  parent: account
  name: 'default'
}

resource queuesOfService 'Microsoft.Storage/storageAccounts/queueServices/queues@2026-09-01' = [for queue in queues: {
  parent: queueService
  name: queue
}]

resource tableService 'Microsoft.Storage/storageAccounts/tableServices@2026-09-01' = {
  parent: account
  name: 'default'
}

resource tablesOfService 'Microsoft.Storage/storageAccounts/tableServices/tables@2026-09-01' = [for table in tables: {
  parent: tableService
  name: table
}]

// Drift reports are as old as the ledger keeps (triggers/timers.py, 90 days); plans and approvals hold for a day.
resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2026-09-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'dead-letters'
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: {
              blobTypes: [
                'blockBlob'
              ]
              prefixMatch: [
                'tether-dead-letters/'
              ]
            }
            actions: {
              baseBlob: {
                delete: {
                  daysAfterModificationGreaterThan: 30
                }
              }
            }
          }
        }
        {
          name: 'reports'
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: {
              blobTypes: [
                'blockBlob'
              ]
              prefixMatch: [
                'tether-reports/drift/'
                'tether-reports/plans/'
                'tether-reports/approvals/'
              ]
            }
            actions: {
              baseBlob: {
                delete: {
                  daysAfterModificationGreaterThan: 90
                }
              }
            }
          }
        }
      ]
    }
  }
}

// Who wrote a blob: the package, an approval, a dead-letter. Reads are left out: the host's leases and the polling of
// queues, once a second, would be most of the workspace's cost.
resource blobLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'tether'
  scope: blobs
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'StorageWrite'
        enabled: true
      }
      {
        category: 'StorageDelete'
        enabled: true
      }
    ]
  }
}

resource queueLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'tether'
  scope: queueService
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'StorageDelete'
        enabled: true
      }
    ]
  }
}

resource tableLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'tether'
  scope: tableService
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'StorageDelete'
        enabled: true
      }
    ]
  }
}

output id string = account.id
